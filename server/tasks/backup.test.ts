import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { backup, restore } from '../cloud/backup.ts'
import { openCloud } from '../cloud/cloud.ts'
import { type ToyCloud, toyCloud } from '../cloud/toy.ts'

const ada = { who: 'Ada', why: 'to see it work' }

describe('a backup', () => {
  let toy: ToyCloud
  let beside: string
  beforeAll(async () => {
    beside = mkdtempSync(join(tmpdir(), 'kindred-backup-'))
    toy = await toyCloud()
  })
  afterAll(async () => {
    await toy.done()
    rmSync(beside, { recursive: true })
  })

  it('has tasks, releases and keys, which nobody else can read there either', async () => {
    const tasks = await toy.cloud.tasks()
    await tasks.repository.submit(draft(), { script: text('one') }, ada)
    await tasks.approve('rank', 1, ada)
    const order = {
      type: 'release',
      task: 'rank',
      version: 1,
      rule: { everyone: true },
      stages: [{ at: 0, percent: 100 }],
    }
    await tasks.releases.change(order as never, ada)
    const [copy, folder] = [join(beside, 'copy'), join(beside, 'restored')]
    await backup(toy.dir, copy)
    await restore(copy, folder)
    for (const path of [copy, folder])
      for (const key of ['targets.json', 'snapshot.json', 'offline/root-1.json'])
        expect(statSync(join(path, 'tasks', 'keys', key)).mode & 0o777).toBe(0o600)
    const cloud = await openCloud({ dataDir: folder })
    const restored = await cloud.tasks()
    expect(await restored.repository.log()).toEqual(await tasks.repository.log())
    expect(restored.releases.board()).toEqual(tasks.releases.board())
    expect(restored.releases.activeFor({ id: 'd' }).list.tasks).toHaveLength(1)
    await restored.approve('rank', 1, ada)
    await restored.repository.submit(draft(), { script: text('two') }, ada)
    await cloud.close()
  })
})
