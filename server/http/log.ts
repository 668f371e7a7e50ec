import { type Logger, pino } from 'pino'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** Lines of JSON on standard error, which leaves standard output to results. */
export const createLog = (level: (typeof LOG_LEVELS)[number] = 'info'): Logger =>
  pino({ level }, pino.destination({ dest: 2, sync: true }))
