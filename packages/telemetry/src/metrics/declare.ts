/** How metrics are declared: base units, closed labels, and the processes that export them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { createBound, type LabelValues } from './labels.ts';

/** Processes that answer `/metrics`. */
export const processNames = ['ingress', 'api', 'worker'] as const;
export type ProcessName = (typeof processNames)[number];

type Labels = Record<string, LabelValues>;
type NameOf<Of extends Labels> = Extract<keyof Of, string>;

export interface Declare {
  counter: <Of extends Labels>(name: string, help: string, labels: Of) => Counter<NameOf<Of>>;
  gauge: <Of extends Labels>(name: string, help: string, labels: Of) => Gauge<NameOf<Of>>;
  histogram: <Of extends Labels>(
    name: string,
    help: string,
    options: { labels: Of; buckets: number[] },
  ) => Histogram<NameOf<Of>>;
}

/**
 * Metrics of `exporters`. In another process they can be counted all the same and are told to nobody, so that code which
 * several processes share need not ask where it runs.
 * @param process left out: everything is exported, for what runs outside these processes
 */
export function createDeclare(
  registry: Registry,
  { process, exporters }: { process: ProcessName | undefined; exporters: readonly ProcessName[] },
): Declare {
  const registers = process === undefined || exporters.includes(process) ? [registry] : [];
  const common = <Of extends Labels>(name: string, help: string, labels: Of) => ({
    name: `calfleet_${name}`,
    help,
    labelNames: Object.keys(labels) as NameOf<Of>[],
    registers,
  });
  return {
    counter: (name, help, labels) => {
      const counter = new Counter(common(name, help, labels));
      counter.inc = within(labels, counter.inc.bind(counter));
      return counter;
    },
    gauge: (name, help, labels) => {
      const gauge = new Gauge(common(name, help, labels));
      gauge.set = within(labels, gauge.set.bind(gauge));
      // The client shows a gauge without labels as 0 from its birth, and what nobody has read yet is not 0.
      if (Object.keys(labels).length === 0) gauge.remove();
      return gauge;
    },
    histogram: (name, help, { labels, buckets }) => {
      const histogram = new Histogram({ ...common(name, help, labels), buckets });
      histogram.observe = within(labels, histogram.observe.bind(histogram));
      return histogram;
    },
  };
}

type Recorder = (labels: Record<string, unknown>, value?: number) => void;

/** The same method, to which no value outside of the declared ones gets through. */
function within<Method>(labels: Labels, method: Method): Method {
  const bounds = Object.entries(labels).map(([name, values]) => [name, createBound(values)] as const);
  const record: Recorder = (given, value) => {
    if (typeof given !== 'object') return (method as (value: unknown) => void)(given);
    const bounded = bounds.map(([name, bound]) => [name, bound(given[name])] as const);
    (method as Recorder)(Object.fromEntries(bounded), value);
  };
  return record as Method;
}
