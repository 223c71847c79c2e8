/** Specialist roles: a step names one, and whoever does the step is handed its guidance. */
import { z } from 'zod';

export const ROLES = {
  coordinator:
    'Keep the whole task in view: what is decided, what is open, what blocks whom. Decide, and say why.',
  architect:
    'Design before anything is built: name the parts, their interfaces, the data that flows, what can fail and what is given up. Result: decisions with their reasons.',
  implementer:
    'Build exactly what the design says, in the style of what is there. Small steps that work. Result: what was changed and where.',
  debugger:
    'Reproduce first, then find the cause, not the symptom. Change one thing at a time. Result: the cause, the proof, the fix.',
  documenter:
    'Write for a reader who was not there: what it is, how to use it, what surprises. Check every statement. Result: the text.',
  tester:
    'Try to break it: limits, errors, order, repetition. A test must be able to fail. Result: what was tried, what happened.',
  reviewer:
    'Read as if you had to maintain it: correctness, safety, simplicity. Result: findings by weight, each with a place and a proposal.',
  researcher:
    'Collect facts from sources that can be checked; keep them apart from conclusions. Result: findings with their sources, and what stays unknown.',
} as const;

export type Role = keyof typeof ROLES;

export const roleSchema = z.enum(Object.keys(ROLES) as [Role, ...Role[]]);
