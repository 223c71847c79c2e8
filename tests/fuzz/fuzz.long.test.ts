/** All properties again, SEGUE_FUZZ_RUNS times each. */
process.env.SEGUE_FUZZ_RUNS ??= '1500';
for (const name of ['lines', 'message', 'spans', 'http-raw', 'http-messages', 'stored', 'config', 'admin'])
  await import(`./${name}.test.ts`);

export {};
