/** The tasks that ship with Kindred, as they are built: what a server has in a new data folder. */
import filterScript from '../../dist/tasks/filter/script.js?raw'
import filterDraft from '../../dist/tasks/filter/task.json?raw'
import rankScript from '../../dist/tasks/rank/script.js?raw'
import rankDraft from '../../dist/tasks/rank/task.json?raw'
import trainScript from '../../dist/tasks/train/script.js?raw'
import trainDraft from '../../dist/tasks/train/task.json?raw'
import type { Delivered } from '../../shared/tasks/contact.ts'
import { readDraft, sealTask } from '../../shared/tasks/manifest.ts'

const text = (value: string) => new TextEncoder().encode(value)

async function built(draft: string, script: string): Promise<Delivered> {
  const files = { script: text(script) }
  return { manifest: await sealTask(readDraft(text(draft)), 1, files), files }
}

/** Made once. */
export const builtTasks: readonly Delivered[] = await Promise.all([
  built(filterDraft, filterScript),
  built(rankDraft, rankScript),
  built(trainDraft, trainScript),
])
