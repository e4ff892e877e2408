/** Reads settings out of an environment and reports all that is wrong with it at once. */
import { settings, type Setting, type SettingName, type SettingValue } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Values<Names extends SettingName> = { [Name in Names]: SettingValue<Name> };

/** The one message of a process that cannot start. Holds names and reasons, never values. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `Calfleet cannot start, ${problems.length} setting${problems.length === 1 ? ' is' : 's are'} wrong:\n` +
        problems.map((problem) => `  - ${problem}`).join('\n'),
    );
    this.name = 'ConfigError';
  }
}

/** Settings of one process role, and what is wrong with them. Values are complete only when problems is empty. */
export interface Reading<Names extends SettingName> {
  values: Values<Names>;
  problems: string[];
}

/** An empty text counts as not set: compose files and shells pass unset variables that way. */
export function read<Names extends SettingName>(env: Environment, names: readonly Names[]): Reading<Names> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const name of names) {
    const setting: Setting<unknown> = settings[name];
    const given = env[name]?.trim();
    const text = given === undefined || given === '' ? setting.default : given;
    if (text === undefined) {
      if (setting.optional) values[name] = null;
      else problems.push(`${name} is missing. ${setting.about}`);
      continue;
    }
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => `${name} ${issue.message}`));
  }
  // Every name was given a value above, or there is a problem and the caller refuses the reading.
  return { values: values as Values<Names>, problems };
}

/** @throws ConfigError when there is any problem */
export function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigError(problems);
}
