/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

const shared: Config = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  // OpenTelemetry's exporter loads node:http by import(), which Jest's own module system does not know.
  transformIgnorePatterns: ['/node_modules/(?!@opentelemetry/otlp-exporter-base/)'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.calfleet'],
  testPathIgnorePatterns: ['/node_modules/'],
};

const project = (displayName: string, testMatch: string[], more: Config = {}): Config => ({
  ...shared,
  ...more,
  displayName,
  testMatch,
});

/** Postgres and Redis: those of the environment, else containers, else embedded ones. */
const services: Config = {
  globalSetup: '<rootDir>/packages/testkit/src/global-setup.ts',
  globalTeardown: '<rootDir>/packages/testkit/src/global-teardown.ts',
};

const config: Config = {
  // Several times what the longest test takes on a slow machine: it is spent only on what hangs.
  testTimeout: 600_000,
  projects: [
    project('unit', ['<rootDir>/{apps,packages}/**/!(*.integration|*.conformance|*.model|*.e2e).test.ts']),
    project('integration', ['<rootDir>/{apps,packages}/**/*.integration.test.ts'], services),
    project('conformance', ['<rootDir>/packages/**/*.conformance.test.ts'], services),
    project('model', ['<rootDir>/packages/**/*.model.test.ts'], services),
    project('e2e', ['<rootDir>/{apps,packages}/**/*.e2e.test.ts'], services),
  ],
};

export default config;
