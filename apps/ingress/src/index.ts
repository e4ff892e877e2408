export { googlePath, microsoftPath } from './application.ts';
export { startIngress, type Ingress, type IngressOptions } from './ingress.ts';
