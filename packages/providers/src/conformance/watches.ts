/** Watches: the channel names itself, its refusals are final or not as they say, stopping is idempotent. */
import { single } from './events.ts';
import type { Suite } from './cases.ts';
import { errorFrom } from './round.ts';

export function describeWatches({ harness, test }: Suite): void {
  describe('watches', () => {
    let calendarId: string;
    let watchId: string;
    let watches = 0;

    beforeEach(async () => {
      watches += 1;
      watchId = `0193a000-0000-7000-8000-${String(watches).padStart(12, '0')}`;
      calendarId = await harness().cloud.createCalendar();
    });

    const open = (changes: { providerCalendarId?: string; address?: string } = {}) =>
      harness().provider.watch(harness().session(), {
        providerCalendarId: calendarId,
        watchId,
        address: harness().cloud.address(watchId),
        token: 'v1.k1.secret',
        expiresAt: '2026-11-24T12:00:00Z',
        ...changes,
      });

    const arrived = async () => {
      const messages = await harness().cloud.notifications();
      return messages.filter((message) => message.watchId === watchId);
    };

    test('may notify before it answers, with the id, the token and the resource of the channel', async () => {
      const channel = await open();
      expect(await arrived()).toEqual([
        { watchId, token: 'v1.k1.secret', resourceId: channel.resourceId, state: 'sync' },
      ]);
    });

    test('notifies of a change with the token and the resource of the channel', async () => {
      const { resourceId } = await open();
      await harness().cloud.put(calendarId, single('event1'));
      const messages = await arrived();
      expect(messages.at(-1)).toMatchObject({ watchId, token: 'v1.k1.secret', resourceId });
    });

    test('answers with an expiry of its own, never beyond the wanted one', async () => {
      const { expiresAt } = await open();
      expect(expiresAt).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
      expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.parse('2026-11-24T12:00:00Z'));
    });

    test('says push_not_supported for a calendar that can never be watched', async () => {
      const providerCalendarId = await harness().cloud.createCalendar({ refusesPush: true });
      expect((await errorFrom(open({ providerCalendarId }))).code).toBe('push_not_supported');
    });

    test('says misconfigured for an address that is not accepted, without a second request', async () => {
      const session = harness().session();
      const watch = harness().provider.watch(session, {
        providerCalendarId: calendarId,
        watchId,
        address: harness().cloud.badAddress,
        token: 'v1.k1.secret',
        expiresAt: '2026-11-24T12:00:00Z',
      });
      expect((await errorFrom(watch)).code).toBe('misconfigured');
      expect(session.requests).toBe(1);
    });

    test('says remote_missing for a calendar that is not shared any more', async () => {
      await harness().cloud.unshareCalendar(calendarId);
      expect((await errorFrom(open())).code).toBe('remote_missing');
    });

    test('says request_rejected for the id of an open channel', async () => {
      await open();
      expect((await errorFrom(open())).code).toBe('request_rejected');
    });

    test('stops a channel, and stopping it again is fine', async () => {
      const { resourceId } = await open();
      expect(await harness().cloud.openChannels()).toContain(watchId);
      await harness().provider.stopWatch(harness().session(), { watchId, resourceId });
      await harness().provider.stopWatch(harness().session(), { watchId, resourceId });
      expect(await harness().cloud.openChannels()).not.toContain(watchId);
      const before = (await arrived()).length;
      await harness().cloud.put(calendarId, single('event1'));
      expect((await arrived()).length).toBe(before);
    });

    test('prolongs a channel, but none that is stopped', async () => {
      const channel = await open();
      const renew = async () => {
        const { provider } = harness();
        const wanted = { resourceId: channel.resourceId, expiresAt: '2026-11-25T12:00:00Z' };
        if (!provider.renewWatch) throw new Error('the provider prolongs nothing');
        return provider.renewWatch(harness().session(), wanted);
      };
      expect(await renew()).toEqual({ resourceId: channel.resourceId, expiresAt: '2026-11-25T12:00:00Z' });
      await harness().provider.stopWatch(harness().session(), { watchId, resourceId: channel.resourceId });
      expect((await errorFrom(renew())).code).toBe('remote_missing');
    });
  });
}
