/** What an operation answers; the server alone writes it to a socket, so that faults can cut it anywhere. */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** Serialised JSON, or empty. */
  body: string;
}

export const json = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value) });

export const noContent: Reply = { status: 204, body: '' };
