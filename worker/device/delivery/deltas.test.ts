import { beforeAll, describe, expect, it } from 'vitest'
import { encodeDelta } from '../../../shared/delta.ts'
import { AppError } from '../../../shared/failure.ts'
import { sha256 } from '../../../shared/hash.ts'
import { readSafetensors, writeSafetensors } from '../../../shared/safetensors.ts'
import type { Changing } from '../../../shared/task.ts'
import { stage } from '../../testing/stage.ts'
import { Refusal } from '../tunnel/line.ts'
import { fetchChanging } from './deltas.ts'

type Bytes = Uint8Array<ArrayBuffer>

const file = (by: number): Bytes =>
  new Uint8Array(Float32Array.from({ length: 500 }, (_, i) => Math.sin(i) * (1 + by)).buffer)
const [old, now] = [file(0), file(0.001)]
const delta = encodeDelta(old, now)!
const nameOf = async (bytes: Bytes) => ({ sha256: await sha256(bytes), bytes: bytes.length })

describe('what has changed little', () => {
  let promised: Changing
  let had: { sha256: string; bytes: Bytes }
  beforeAll(async () => {
    had = { sha256: await sha256(old), bytes: old }
    promised = { ...(await nameOf(now)), deltas: [{ from: had.sha256, ...(await nameOf(delta)) }] }
  })

  /** A tunnel that has the whole file and, if that is given, this delta; and what was asked of it. */
  function tunnelWith(answer: Bytes | Error) {
    const asked: string[] = []
    return {
      asked,
      async artifact({ sha256 }: { sha256: string }): Promise<Bytes> {
        asked.push(sha256 === promised.sha256 ? 'whole' : 'delta')
        if (sha256 === promised.sha256) return now
        if (answer instanceof Error) throw answer
        return answer
      },
    }
  }

  it('comes as a delta from the file that is here', async () => {
    const tunnel = tunnelWith(delta)
    expect(await fetchChanging(tunnel, promised, had)).toEqual(now)
    expect(tunnel.asked).toEqual(['delta'])
  })

  it.each([
    ['another file is here', () => ({ sha256: 'f'.repeat(64), bytes: now })],
    ['there is none', () => undefined],
  ])('comes whole where %s', async (_, here) => {
    const tunnel = tunnelWith(delta)
    expect(await fetchChanging(tunnel, promised, here())).toEqual(now)
    expect(tunnel.asked).toEqual(['whole'])
  })

  it.each<[string, Bytes | Error]>([
    ['is cut short', delta.slice(0, delta.length - 40)],
    ['is none', new TextEncoder().encode('not a delta at all')],
    ['makes another file', encodeDelta(old, file(0.002))!],
    [
      'is not what its name promises',
      new AppError('bad-artifact', 'Artifact … is not what its name promises.'),
    ],
    ['is gone', new Refusal('refused', 'Not found', 404)],
  ])('comes whole after a delta that %s', async (_, answer) => {
    const tunnel = tunnelWith(answer)
    expect(await fetchChanging(tunnel, promised, had)).toEqual(now)
    expect(tunnel.asked).toEqual(['delta', 'whole'])
  })

  it('comes whole where what is here is damaged', async () => {
    const damaged = { ...had, bytes: old.with(9, old[9]! ^ 1) }
    expect(await fetchChanging(tunnelWith(delta), promised, damaged)).toEqual(now)
  })

  it('does not come where there is no network, and not by asking once more', async () => {
    const tunnel = tunnelWith(new AppError('offline', 'The server cannot be reached.'))
    await expect(fetchChanging(tunnel, promised, had)).rejects.toMatchObject({ code: 'offline' })
    expect(tunnel.asked).toEqual(['delta'])
  })
})

describe('a device whose data get a newer model', () => {
  const here = stage()
  const HOUR = 3_600_000

  /** The same world with a model whose weights have moved a little, which is also there as the difference. */
  async function moved() {
    const { world } = here
    const weights = readSafetensors(world.model)
    const model = writeSafetensors(
      Object.fromEntries(
        Object.entries(weights).map(([name, { shape, data }]) => [
          name,
          { shape, data: data.map((weight) => weight * 1.001) },
        ]),
      ),
    )
    const file = encodeDelta(world.model, model)!
    const { manifest } = world
    const deltas = [{ from: manifest.model.sha256, ...(await nameOf(file)) }]
    return {
      file,
      next: {
        ...world,
        model,
        manifest: { ...manifest, version: 2, model: { ...(await nameOf(model)), deltas } },
      },
    }
  }

  it.each([
    ['downloads the difference', (file: Bytes) => file, ['delta']],
    [
      'downloads the model where that is cut short',
      (file: Bytes) => file.slice(0, -9),
      ['delta', 'delta', 'whole'],
    ],
  ] as const)('%s, and has what was promised', async (_, sent, due) => {
    const device = await here.start()
    await device.contact()
    const { next, file } = await moved()
    const { model } = next.manifest
    const names: Record<string, string> = {
      [`GET /artifacts/${model.deltas[0]!.sha256}`]: 'delta',
      [`GET /artifacts/${model.sha256}`]: 'whole',
    }
    here.server.world = next
    here.server.before = (method, path) =>
      names[`${method} ${path}`] === 'delta' ? new Response(sent(file)) : undefined
    const before = here.server.requests.length
    here.clock.move(HOUR)
    await device.contact()
    const asked = here.server.requests.slice(before).flatMap((request) => names[request] ?? [])
    expect(asked).toEqual(due)
    const { models, task } = await device.status(null)
    expect(task?.version).toBe(2)
    expect(models.find(({ slot }) => slot === 'M0')).toMatchObject({ sha256: model.sha256, version: 2 })
  })
})
