import { defineConfig } from 'prisma/config';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  // Only `prisma migrate deploy` reads it, where the network allows Prisma's own engine.
  datasource: { url: process.env['MIGRATION_DATABASE_URL'] ?? process.env['DATABASE_URL'] ?? '' },
});
