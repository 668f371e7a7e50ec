/** `npm run -s test:kills -- --kills 50 --seed 1 --json`: kills browsers, and prints what was lost. Status 1 if anything was. */
import { parseArgs } from 'node:util'
import { ensure } from '../browsers/find.js'
import { thisMachine } from '../browsers/machine.js'
import { startServer } from '../server.ts'
import { metrics, sentence } from './metrics.ts'
import { runKills } from './run.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
// What was started ends with this process, also where a person ends that.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const say = (text: string) => console.error(text)
const { executablePath } = ensure('chromium', { ...thisMachine, say })!
const server = await startServer({ say })
try {
  const { kills, seed } = { kills: Number(values.kills), seed: Number(values.seed) }
  const findings = await runKills({ server, executablePath, kills, seed, say })
  for (const metric of metrics(findings)) console.log(values.json ? JSON.stringify(metric) : sentence(metric))
  const faults = [...findings.lost, ...findings.miscounted, ...findings.halfModels]
  for (const fault of faults) say(fault)
  if (faults.length > 0) process.exitCode = 1
} finally {
  await server.remove()
}
