/** A command, as the configuration names one. */
import { z } from 'zod';

export const argv = z
  .array(z.string().min(1), 'must be a list of words, such as ["node", "build.js"]: no shell splits a text')
  .min(1);
