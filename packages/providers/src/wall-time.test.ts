import { instantInZone, readDate, readDateTime, UnreadableTime } from './wall-time.ts';

describe('readDate', () => {
  it.each(['0001-01-01', '2024-02-29', '2000-02-29', '9999-12-31'])('takes %s', (text) => {
    expect(readDate(text)).toBe(text);
  });

  it.each([
    '0000-01-01',
    '2026-02-29',
    '1900-02-29',
    '2026-04-31',
    '2026-13-01',
    '2026-1-01',
    '',
    '-2026-01-01',
  ])('refuses "%s"', (text) => expect(() => readDate(text)).toThrow(UnreadableTime));
});

describe('readDateTime', () => {
  it.each([
    ['2026-11-23T10:00:00+01:00', '2026-11-23T09:00:00Z'],
    ['2026-11-23T10:00:00Z', '2026-11-23T10:00:00Z'],
    ['2026-11-23T10:00:00.999Z', '2026-11-23T10:00:00Z'],
    ['2026-01-01T00:30:00+05:45', '2025-12-31T18:45:00Z'],
    ['2026-12-31T20:00:00-09:30', '2027-01-01T05:30:00Z'],
    ['0001-01-02T00:00:00+14:00', '0001-01-01T10:00:00Z'],
    ['0099-06-01T00:00:00Z', '0099-06-01T00:00:00Z'],
  ])('reads %s as %s', (text, instant) => {
    expect(readDateTime(text)).toEqual({ instant });
  });

  it('leaves a time without offset on the wall', () => {
    expect(readDateTime('2026-11-23T10:00:00')).toEqual({ local: '2026-11-23T10:00:00' });
  });

  it.each([
    '2026-11-23T24:00:00Z',
    '2026-11-23T10:60:00Z',
    '2026-11-23T10:00:60Z',
    '2026-02-30T10:00:00Z',
    '2026-11-23T10:00:00+99:00',
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:00:00-12:00',
    '10000-01-01T00:00:00Z',
    'tomorrow',
  ])('refuses %s', (text) => {
    expect(() => readDateTime(text)).toThrow(UnreadableTime);
  });
});

describe('instantInZone', () => {
  it.each([
    ['2026-07-01T10:00:00', 'Europe/Berlin', '2026-07-01T08:00:00Z'],
    ['2026-11-23T10:00:00', 'Pacific/Kiritimati', '2026-11-22T20:00:00Z'],
    ['2026-11-23T00:00:00', 'America/Los_Angeles', '2026-11-23T08:00:00Z'],
    // Repeated hour: the first occurrence.
    ['2026-10-25T02:30:00', 'Europe/Berlin', '2026-10-25T00:30:00Z'],
    // Skipped hour: the offset from before.
    ['2026-03-29T02:30:00', 'Europe/Berlin', '2026-03-29T01:30:00Z'],
  ])('reads %s in %s as %s', (local, zone, instant) => {
    expect(instantInZone(local, zone)).toBe(instant);
  });

  it('refuses a zone that nobody knows', () => {
    expect(() => instantInZone('2026-07-01T10:00:00', 'Mars/Olympus')).toThrow(UnreadableTime);
  });
});
