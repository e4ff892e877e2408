/** Calfleet's public API, as a backend of yours would call it. */
export interface Problem {
  code: string;
  detail?: string;
}

export class ApiClient {
  constructor(
    /** The API, without a slash at its end. */
    readonly url: string,
    private readonly adminKey: string,
    readonly userId: string,
  ) {}

  get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const params = new URLSearchParams(query).toString();
    return this.call<T>('GET', params === '' ? path : `${path}?${params}`);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>('POST', path, body);
  }

  /** Every item of a paged list. */
  async list<T>(path: string, query: Record<string, string> = {}): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: T[]; next_cursor: string | null } = await this.get(path, {
        ...query,
        limit: '500',
        ...(cursor === null ? {} : { cursor }),
      });
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }

  /** @throws Error with the problem's code and detail */
  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/integrations/calendar${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.adminKey}`,
        'x-user-id': this.userId,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // The longest answer is a change feed's long poll of 30 s.
      signal: AbortSignal.timeout(40_000),
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer as T;
    const { code, detail } = answer as Problem;
    throw new Error(`${method} ${path} answered ${response.status} ${code}: ${detail ?? ''}`);
  }
}
