/** For repository.test.ts: submits versions in the folder given, and kills itself in the middle of so many steps onto the disk. */
import { writeFileSync } from 'node:fs'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { steps } from './durable.ts'
import { openRepository } from './repository.ts'

const [folder = '', last = '0'] = process.argv.slice(2)
let left = Number(last)
const end = (): never => process.kill(process.pid, 'SIGKILL') as never
const repository = await openRepository(folder, {
  steps: {
    async fill(path, bytes) {
      if (left-- > 0) return steps.fill(path, bytes)
      writeFileSync(path, bytes.subarray(0, bytes.length / 2))
      end()
    },
    name: (from, to) => (left-- > 0 ? steps.name(from, to) : end()),
  },
})
for (let n = 0; ; n++) {
  const { version } = await repository.submit(draft(), { script: text(`// ${n}`) }, { who: 'a', why: 'b' })
  process.stdout.write(`${version}\n`)
}
