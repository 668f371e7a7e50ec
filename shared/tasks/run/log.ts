/** What a script tells the operator: named numbers, and not many. */
import { AppError } from '../../failure.ts'
import type { TunnelLog } from '../context.ts'
import { REPORT_VALUES, reportNameSchema } from '../report.ts'
import type { Effects } from '../run.ts'
import type { Within } from './context.ts'

export function createLog({ manifest: { budget }, signal }: Within) {
  const reports: Effects['reports'][number][] = []
  let logged = 0

  const log: TunnelLog = {
    report(what, values) {
      signal.throwIfAborted()
      const report = reportOf(what, values)
      logged += JSON.stringify(report).length
      if (logged > budget.logBytes)
        throw new AppError('refused', `It logs more than ${budget.logBytes} bytes.`)
      reports.push(report)
    },
  }
  return { log, effects: (): Pick<Effects, 'reports'> => ({ reports }) }
}

function reportOf(name: string, values: Readonly<Record<string, number>>) {
  const entries = Object.entries(values)
  const named = [name, ...entries.map(([key]) => key)].every((one) => reportNameSchema.safeParse(one).success)
  if (!named || entries.length > REPORT_VALUES || !entries.every(([, value]) => Number.isFinite(value)))
    throw new AppError('bad-input', `The report ${name} is not of up to ${REPORT_VALUES} named numbers.`)
  return { name, values: Object.fromEntries(entries) }
}
