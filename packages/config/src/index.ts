export { describeSettings } from './describe.ts';
export { readEnvironment } from './environment.ts';
export { ConfigError, type Environment } from './load.ts';
export { badConfiguration, runProcess, type ProcessOptions, type RunningProcess } from './process.ts';
export type { GoogleSettings, MicrosoftSettings, ProviderSettings } from './providers.ts';
export {
  apiConfig,
  ingressConfig,
  migrateConfig,
  operatorConfig,
  readersOf,
  rotationConfig,
  sandboxConfig,
  workerConfig,
  type ApiConfig,
  type IngressConfig,
  type MigrateConfig,
  type OperatorConfig,
  type RotationConfig,
  type SandboxConfig,
  type WorkerConfig,
} from './roles.ts';
export { settings, type SettingName } from './settings.ts';
export type { RingKey, Schedule } from './values.ts';
export { prepareDeparture, type DepartureOptions } from './departure.ts';
export { limitClients, serverOptions, type Patience } from './slow-clients.ts';
