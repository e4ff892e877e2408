export {
  createCalfleet,
  orThrow,
  CalfleetProblem,
  type Calfleet,
  type CalfleetOptions,
  type Shapes,
} from './client.ts';
