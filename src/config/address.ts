import { z } from 'zod';
import { isLoopback } from '../loopback.ts';

/** Where something secret or trusted may go to, or come from. */
export const safeAddress = z
  .url({ protocol: /^https?$/ })
  .refine(
    (url) => url.startsWith('https:') || isLoopback(new URL(url).hostname),
    'must be an https address, or http of this machine',
  );
