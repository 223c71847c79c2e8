/** How often a property is tried: SEGUE_FUZZ_RUNS for all of them (fuzz.long.test.ts), else what each asks for. */
export function runs(usual: number): { numRuns: number } {
  return { numRuns: Number(process.env.SEGUE_FUZZ_RUNS ?? usual) };
}
