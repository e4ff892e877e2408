/** The query of a request; names count in any case. */
export class GraphParams {
  private readonly values: Map<string, string>;

  constructor(private readonly params: URLSearchParams) {
    this.values = new Map([...params].map(([name, value]) => [name.toLowerCase(), value]));
  }

  get(name: string): string | undefined {
    return this.values.get(name.toLowerCase());
  }

  /** As they were written. */
  entries(): [name: string, value: string][] {
    return [...this.params];
  }
}
