/** For training.test.ts: a training to be killed. Says after each checkpoint how many samples are behind. */
import { join } from 'node:path'
import { openStore } from '../store/lmdb.ts'
import { needPopulation } from './population.ts'
import { trainGlobal } from './training.ts'

const [dir = '', settings = ''] = process.argv.slice(2)
const store = openStore(join(dir, 'store'))
const progress = ({ done }: { done: number }) => process.stdout.write(`${done}\n`)
const watch = { progress, signal: new AbortController().signal }
await trainGlobal(
  { store, dir },
  await needPopulation(store),
  { ...JSON.parse(settings), checkpointMs: 0 },
  watch,
)
await store.close()
