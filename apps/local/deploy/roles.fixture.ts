/** The roles that containers play, each with what reads its settings. */
import { apiConfig, ingressConfig, migrateConfig, workerConfig } from '@calfleet/config';

export const roles = {
  ingress: ingressConfig,
  api: apiConfig,
  worker: workerConfig,
  migrate: migrateConfig,
} as const;
export type Role = keyof typeof roles;
export const roleNames = Object.keys(roles) as Role[];
