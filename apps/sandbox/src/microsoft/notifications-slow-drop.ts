/**
 * How a receiving host's answers decide about what is new for it: delayed when too many were slow, dropped when far
 * too many were. All addresses of a host share one judgement.
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 */
import type { SlowDrop } from './channel-quirks.ts';

/** Answers of one host that are looked at; older ones are forgotten. */
const ANSWERS_MAX = 10_000;

export type Verdict = { kind: 'pass' | 'drop' } | { kind: 'slow'; delayMs: number };

export class HostJudge {
  private hosts = new Map<string, { atMs: number; ms: number }[]>();

  /** @param ms how long the answer took; infinite when none came in time */
  note(host: string, answer: { atMs: number; ms: number }): void {
    const answers = this.hosts.get(host) ?? [];
    answers.push(answer);
    if (answers.length > ANSWERS_MAX) answers.splice(0, ANSWERS_MAX / 2);
    this.hosts.set(host, answers);
  }

  verdict(host: string, nowMs: number, rules: SlowDrop | null): Verdict {
    if (rules === null) return { kind: 'pass' };
    const recent = (this.hosts.get(host) ?? []).filter(({ atMs }) => atMs > nowMs - rules.windowMs);
    this.hosts.set(host, recent);
    if (recent.length < rules.answersMin) return { kind: 'pass' };
    const shareAbove = (ms: number): number =>
      recent.filter((answer) => answer.ms > ms).length / recent.length;
    if (shareAbove(rules.dropAnswerMs) > rules.dropShare) return { kind: 'drop' };
    if (shareAbove(rules.slowAnswerMs) > rules.slowShare) return { kind: 'slow', delayMs: rules.slowDelayMs };
    return { kind: 'pass' };
  }

  clear(): void {
    this.hosts = new Map();
  }
}
