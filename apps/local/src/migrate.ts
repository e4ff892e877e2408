/** `npm run db:migrate`: applies what is new of prisma/migrations below the working directory. */
import { join } from 'node:path';
import { badConfiguration, ConfigError, migrateConfig, readEnvironment } from '@calfleet/config';
import { migrate } from '@calfleet/db';

async function main(): Promise<void> {
  const { databaseUrl, migrationDatabaseUrl } = migrateConfig(readEnvironment());
  const { applied } = await migrate({
    migrationUrl: migrationDatabaseUrl,
    applicationUrl: databaseUrl,
    folder: join(process.cwd(), 'prisma', 'migrations'),
  });
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  if (applied.length === 0) process.stdout.write('nothing to apply\n');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof ConfigError ? badConfiguration : 1;
});
