import { describeSettings } from './index.ts';
import { readersOf } from './roles.ts';
import { settings, type SettingName } from './settings.ts';

test('every setting is described once, and some process reads it', () => {
  const lines = describeSettings().split('\n');
  for (const name of Object.keys(settings) as SettingName[]) {
    expect(lines.filter((line) => line.replace('# ', '').startsWith(`${name}=`))).toHaveLength(1);
    expect(readersOf(name)).not.toEqual([]);
  }
});

test('what has no default is left open', () => {
  expect(describeSettings()).toMatch(/^DATABASE_URL=$/m);
  expect(describeSettings()).toMatch(/^# INGRESS_PORT=4000$/m);
});
