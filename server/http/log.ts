import { type Logger, pino } from 'pino'

/** Lines of JSON on standard error, which leaves standard output to results; `LOG_LEVEL` says how many. */
export const createLog = (): Logger =>
  pino({ level: process.env.LOG_LEVEL ?? 'info' }, pino.destination({ dest: 2, sync: true }))
