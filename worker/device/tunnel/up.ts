/**
 * What goes up: events, which leave the outbox aggregated and compressed, and how tasks ran. Both are deleted only after the server has
 * acknowledged them; their ids make a repeated upload harmless.
 */
import { zlibSync } from 'fflate'
import { acceptedSchema, reportedSchema } from '../../../shared/api.ts'
import type { Clock } from '../../../shared/clock.ts'
import type { Request } from '../../platform.ts'
import { count } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import type { Line } from './line.ts'
import { sendReports } from './reports.ts'
import { empty, type Outbox, UPLOADS } from './upload.ts'

export interface Up {
  /** Sends everything that waits in the outbox. What was not acknowledged when it throws is still there. */
  flush(signal?: AbortSignal): Promise<void>
  /** Tells how tasks ran, as far as it was not told; what was not acknowledged when it throws is still there. */
  reports(signal?: AbortSignal): Promise<void>
}

/** `ask` shows who the device is. */
export function createUp({ db, clock, ask }: { db: Db; clock: Clock; ask: Line }): Up {
  const outbox: Outbox = {
    async newest() {
      const [last] = await db.outbox.orderBy('id').reverse().limit(1).primaryKeys()
      return last
    },
    oldest: (last, limit) => db.outbox.where('id').belowOrEqual(last).limit(limit).toArray(),
    async delivered(ids) {
      await db.transaction('rw', db.outbox, db.state, async () => {
        // Another tab may have sent the same ones.
        await count(db, {
          delivered: await db.outbox
            .where('id')
            .anyOf([...ids])
            .delete(),
        })
      })
    },
  }

  return {
    async flush(signal) {
      await empty(outbox, zlibSync, (upload) =>
        ask(UPLOADS, upload, (answer) => answer.json(acceptedSchema), signal),
      )
    },

    reports: (signal) =>
      sendReports({ db, clock }, (upload) =>
        ask('/api/reports', compressed(upload), (answer) => answer.json(reportedSchema), signal),
      ),
  }
}

const compressed = (value: unknown): Request => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'content-encoding': 'deflate' },
  body: zlibSync(new TextEncoder().encode(JSON.stringify(value))) as Uint8Array<ArrayBuffer>,
})
