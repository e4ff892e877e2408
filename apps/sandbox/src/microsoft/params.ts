/** The query of a request; names count in any case. */
export class GraphParams {
  private readonly values: Map<string, string>;

  constructor(params: URLSearchParams) {
    this.values = new Map([...params].map(([name, value]) => [name.toLowerCase(), value]));
  }

  get(name: string): string | undefined {
    return this.values.get(name.toLowerCase());
  }

  names(): string[] {
    return [...this.values.keys()];
  }
}
