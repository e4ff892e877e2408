/** The settings as text for people. `.env.example` and the operator's page are generated from it, never written. */
import { readersOf } from './roles.ts';
import { settings, type Setting, type SettingName } from './settings.ts';

const head = `# Generated from packages/config. Copy to .env and fill in what is open.
# npm start, the start:* commands, db:migrate and calfleet read .env in the folder where they run; what the environment
# itself says wins.
# "npm start" needs none of it: what is open there, it makes by itself.`;

/** An `.env` file: every setting with its sentence, who reads it and its default. Required ones are left open. */
export function describeSettings(): string {
  const entries = Object.entries(settings).map(([name, setting]) => describe(name as SettingName, setting));
  return `${head}\n\n${entries.join('\n\n')}\n`;
}

function describe(name: SettingName, setting: Setting<unknown>): string {
  const readers = readersOf(name).join(', ');
  const line = setting.default === undefined ? `${name}=` : `# ${name}=${setting.default}`;
  const need = setting.default === undefined && !setting.optional ? 'Required by' : 'Read by';
  return `# ${setting.about}\n# ${need}: ${readers}.\n${setting.optional ? '# ' : ''}${line}`;
}
