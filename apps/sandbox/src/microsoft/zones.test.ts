import { windowsZones } from './windows-zones.ts';
import { GraphZones } from './zones.ts';

const zones = new GraphZones();

it.each(Object.entries(windowsZones))('%s is %s, which the platform knows', (name, iana) => {
  expect(zones.iana(name)).toBe(iana);
  expect(zones.iana(iana)).toBe(iana);
});

it.each([
  ['w. europe standard time', 'Europe/Berlin'],
  ['Europe/Madrid', 'Europe/Madrid'],
  ['tzone://Microsoft/Utc', 'UTC'],
])('understands %s', (name, iana) => {
  expect(zones.iana(name)).toBe(iana);
});

it.each(['', '+02:00', 'Mars/Olympus', 'Berlin Standard Time', '../etc/passwd'])(
  'does not know "%s"',
  (name) => {
    expect(zones.iana(name)).toBeUndefined();
  },
);
