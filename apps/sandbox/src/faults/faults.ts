/**
 * Planned misfortune. A fault waits for the requests it matches and strikes a number of them, or each by chance.
 * It says what happens to the answer and to the commit; the server carries it out.
 */
import { z } from 'zod';
import type { Random } from '../random.ts';

export const operations = [
  'calendarList.list',
  'calendarList.get',
  'calendars.get',
  'events.list',
  'events.get',
  'events.insert',
  'events.update',
  'events.patch',
  'events.delete',
  'events.instances',
  'events.watch',
  'channels.stop',
  'oauth.authorize',
  'oauth.token',
  'oauth.revoke',
  'oauth.userinfo',
  'graph.me',
  'graph.mailboxSettings',
  'graph.timeZones',
  'graph.translateIds',
  'graph.calendar.list',
  'graph.calendar.get',
  'graph.event.list',
  'graph.event.create',
  'graph.event.get',
  'graph.event.update',
  'graph.event.delete',
  'graph.event.instances',
  'graph.calendarView',
  'graph.delta',
  'graph.batch',
  'graph.subscription.list',
  'graph.subscription.create',
  'graph.subscription.get',
  'graph.subscription.update',
  'graph.subscription.delete',
  'graph.subscription.reauthorize',
  'login.authorize',
  'login.token',
] as const;

export type Operation = (typeof operations)[number];

const effect = z.discriminatedUnion('kind', [
  /** Answers with a provider-shaped error; nothing is done. The reason defaults to the status' usual one. */
  z.strictObject({
    kind: z.literal('status'),
    status: z.number().int().min(400).max(599),
    reason: z.string().optional(),
    message: z.string().optional(),
    retryAfterSeconds: z.number().int().min(0).optional(),
  }),
  /** Waits (real milliseconds), then goes on as if nothing had been. */
  z.strictObject({ kind: z.literal('latency'), ms: z.number().int().min(0).max(600_000) }),
  /** Somebody else changes the very event first; then it goes on as if nothing had been. */
  z.strictObject({ kind: z.literal('overtaken') }),
  /** The connection is cut; nothing is done. */
  z.strictObject({ kind: z.literal('drop_before') }),
  /** The operation is done; the connection is cut without an answer. */
  z.strictObject({ kind: z.literal('drop_after') }),
  /** The operation is done; half of the body arrives, then the connection is cut. */
  z.strictObject({ kind: z.literal('torn_body') }),
  /** Nothing is done and nothing said; the connection stays until the client leaves. */
  z.strictObject({ kind: z.literal('hang_before') }),
  /** The operation is done, and nothing said; the connection stays until the client leaves. */
  z.strictObject({ kind: z.literal('hang_after') }),
]);

export type FaultEffect = z.infer<typeof effect>;

/** What comes before the request and leaves it to its fate. */
type Preceding = FaultEffect & { kind: 'latency' | 'overtaken' };

const precedes = (effect: FaultEffect): effect is Preceding =>
  effect.kind === 'latency' || effect.kind === 'overtaken';

/** Lets happen what comes first. @returns what happens to the request itself */
export async function precede(
  effects: readonly FaultEffect[],
  overtake: () => void,
): Promise<Exclude<FaultEffect, Preceding> | undefined> {
  for (const effect of effects.filter(precedes)) {
    if (effect.kind === 'overtaken') overtake();
    else await pause(effect.ms);
  }
  return effects.find((effect): effect is Exclude<FaultEffect, Preceding> => !precedes(effect));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

export const faultSchema = z.strictObject({
  account: z.string().optional(),
  calendar: z.string().optional(),
  /** One operation or several; left out: all. */
  operation: z.union([z.enum(operations), z.array(z.enum(operations))]).optional(),
  /** Matching requests that pass unharmed first. */
  skip: z.number().int().min(0).default(0),
  /** Requests it strikes before it is used up; null: it never is. Default 1, or null with a rate. */
  count: z.number().int().min(1).nullable().optional(),
  /** Chance per matching request, by the sandbox' seed. Default 1. */
  rate: z.number().min(0).max(1).optional(),
  effect,
});

export type FaultPlan = z.input<typeof faultSchema>;

export interface FaultTarget {
  operation: Operation;
  account: string | null;
  calendar: string | null;
}

interface ArmedFault {
  id: string;
  plan: z.infer<typeof faultSchema>;
  skipLeft: number;
  countLeft: number | null;
  struck: number;
}

export interface FaultReport {
  id: string;
  struck: number;
  /** Strikes left; null: no end. */
  left: number | null;
  effect: FaultEffect;
}

export class Faults {
  private armed: ArmedFault[] = [];
  private lastId = 0;

  constructor(private readonly random: Random) {}

  /** @returns the fault's id. */
  add(input: FaultPlan): string {
    const plan = faultSchema.parse(input);
    this.lastId += 1;
    const id = `fault-${this.lastId}`;
    const count = plan.count === undefined ? (plan.rate === undefined ? 1 : null) : plan.count;
    this.armed.push({ id, plan, skipLeft: plan.skip, countLeft: count, struck: 0 });
    return id;
  }

  remove(id: string): boolean {
    const before = this.armed.length;
    this.armed = this.armed.filter((fault) => fault.id !== id);
    return this.armed.length < before;
  }

  clear(): void {
    this.armed = [];
  }

  list(): FaultReport[] {
    return this.armed.map(({ id, struck, countLeft, plan }) => ({
      id,
      struck,
      left: countLeft,
      effect: plan.effect,
    }));
  }

  /** What strikes this request: all that only precedes it, and the first fault of another kind. */
  strike(target: FaultTarget): FaultEffect[] {
    const effects: FaultEffect[] = [];
    let ended = false;
    for (const fault of this.armed) {
      if (fault.countLeft === 0 || !matches(fault.plan, target)) continue;
      const isFirst = precedes(fault.plan.effect);
      if (ended && !isFirst) continue;
      if (fault.skipLeft > 0) {
        fault.skipLeft -= 1;
        continue;
      }
      if (fault.plan.rate !== undefined && !this.random.chance(fault.plan.rate)) continue;
      if (fault.countLeft !== null) fault.countLeft -= 1;
      fault.struck += 1;
      effects.push(fault.plan.effect);
      ended ||= !isFirst;
    }
    return effects;
  }
}

function matches(plan: ArmedFault['plan'], target: FaultTarget): boolean {
  const { account, calendar, operation } = plan;
  if (account !== undefined && account !== target.account) return false;
  if (calendar !== undefined && calendar !== target.calendar) return false;
  return operation === undefined || [operation].flat().includes(target.operation);
}
