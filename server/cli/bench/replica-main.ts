/** The far side of replicas.ts: takes its part of each mini-batch, lazily as `kindred train` does. */
import { parentPort, workerData } from 'node:worker_threads'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import { rowsOf } from '../../../worker/bench/shapes.ts'
import { joinTeam } from '../../cloud/training/team.ts'
import type { Seat } from './replicas.ts'

const { task, team, index } = workerData as Seat
const member = joinTeam(team, index)
const engine = await createFusedEngine({ lazyEmbeddings: true, peers: member.peers })
const model = await engine.load(task.spec, task.weights)
const [from, to] = member.partOf(task.batches[0]!.size)
if (member.peers) member.peers.total = task.batches[0]!.size
const parts = task.batches.map((batch) => rowsOf(task.spec, batch, (row) => row >= from && row < to))
let next = 0
parentPort!.on('message', async (steps: number) => {
  const losses: number[] = []
  while (losses.length < steps)
    losses.push(await model.step(parts[next++ % parts.length]!, task.learningRate))
  parentPort!.postMessage(losses)
})
parentPort!.postMessage([])
