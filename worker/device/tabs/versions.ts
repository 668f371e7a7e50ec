/** Apps of different versions in the tabs of one browser want the database in different shapes: one makes way, one waits. */
import { AppError, type Failure } from '../../../shared/failure.ts'
import type { Db } from '../storage/tables.ts'

export interface Sharing {
  /** A newer app waits for the database: this one is to end what it is at, and to close it. */
  makeWay(why: AppError): Promise<void>
  /** This app waits for an older one, and goes on by itself. */
  blocked(failure: Failure): void
}

export function shareDatabase(db: Db, { makeWay, blocked }: Sharing): void {
  db.on('versionchange', ({ newVersion }) => {
    if (newVersion === null) return undefined // deleted from outside: Dexie closes it, and makes it anew when it is used
    const why = 'A newer version of Kindred is open in another tab: reload this page.'
    void makeWay(new AppError('version', why))
    return false // not Dexie's own way, which is to close it at once
  })
  db.on('blocked', () => {
    const message =
      'An older version of Kindred is at work in another tab: this one goes on when that has ended.'
    blocked({ code: 'version', message })
    return false
  })
}
