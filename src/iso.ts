/** How times stand in reports, feeds and files: ISO-8601 UTC. `at` is epoch milliseconds. */
export function iso(at: number): string {
  return new Date(at).toISOString();
}
