/** A line that keeps an invariant, and the test that misses it. */
export interface Guard {
  /** By which it is chosen. */
  invariant: string;
  says: string;
  file: string;
  /** Stands exactly once in the file … */
  guard: string;
  /** … and becomes this. */
  without: string;
  project: 'unit' | 'integration' | 'conformance' | 'e2e';
  testFile: string;
  test: string;
}
