/**
 * What must hold at every moment, whatever strikes. It is checked on what is stored, on what the server counts, on what the
 * trainer is given and on what the page is answered; never by asking the device's own code whether it did well.
 */
export const INVARIANTS = {
  'half-model': 'no half model is ever served',
  m0: 'M0 never changes but by a new delivery',
  'counted-once': 'every acknowledged event is counted exactly once on the server',
  'used-once': 'no sample is used for training twice in one round or after its end of life',
  'young-stays': 'what is young is not deleted, whatever the clock does',
  limits: 'limits hold at all times',
  'serves-offline': 'after any crash the device reaches a serving state without the network',
  settles: 'every call of the page is answered',
  failures: 'whatever fails is one of our failures, and somebody hears of it',
  forgotten: 'what the server was made to forget does not come back',
  owed: 'what the server could not be told to forget is told to it later',
} as const
export type Invariant = keyof typeof INVARIANTS

/** Notes that an invariant does not hold; the run ends after the step. */
export type Fail = (invariant: Invariant, message: string) => void
