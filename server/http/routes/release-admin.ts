/** /api/admin/releases, /ledger and /experiments: for the operator alone. docs/tasks.md tells what these are. */
import { Hono } from 'hono'
import * as z from 'zod'
import { measuredSchema, reachSchema, trialSchema } from '../../../shared/admin.ts'
import type { Clock } from '../../../shared/clock.ts'
import { parse } from '../../../shared/failure.ts'
import type { Order } from '../../../shared/release/changes.ts'
import { percentAt } from '../../../shared/release/releases.ts'
import type { Cloud } from '../../cloud/cloud.ts'
import { bySchema } from '../../tasks/by.ts'
import type { Releases } from '../../tasks/releases.ts'
import { readJson } from '../body.ts'
import type { Env } from '../env.ts'
import { endpoint } from '../openapi.ts'
import { problem } from '../problem.ts'
import { answer, free, group, whole } from './operator-kit.ts'

const entryPath = z.object({ from: whole })
const experimentPath = z.object({ experiment: whole })

const changeSchema = z.strictObject({ order: free, who: bySchema.shape.who, why: bySchema.shape.why })
const triedSchema = z.strictObject({ order: free, at: z.int().min(0).optional() })

const NO_FIT = 'It does not fit, or makes no sense as things stand; the problem says why.'

export function releaseAdminRoutes({
  releases,
  cloud,
  clock,
}: {
  releases: Releases
  cloud: Cloud
  clock: Clock
}) {
  return new Hono<Env>()
    .get(
      '/releases',
      endpoint(
        {
          ...group,
          name: 'listReleases',
          summary: 'Releases, experiments and killed tasks as they stand now',
          answers: {
            200: {
              what: 'Each release with the percentage that it has now.',
              schema: z.strictObject({
                releases: z.array(free),
                experiments: z.array(free),
                killed: z.array(z.string()),
                entries: z.int(),
                at: z.int(),
                devices: z.int(),
              }),
            },
          },
        },
        async (c) => {
          const board = releases.board()
          const now = clock.now()
          const shown = board.releases.map((one) => ({ ...one, percent: percentAt(one, now) }))
          return answer(c, { ...board, releases: shown, devices: await cloud.knownDevices() })
        },
      ),
    )
    .post(
      '/releases',
      endpoint(
        {
          ...group,
          name: 'changeReleases',
          summary: 'Release, widen, pause, resume, revoke, kill, revive; begin or end an experiment',
          detail: 'Orders are described in shared/release/changes.ts. Each is a line of the ledger.',
          body: { schema: changeSchema, required: true, what: 'The order, who gives it and why.' },
          answers: { 201: { what: 'The line of the ledger.', schema: free }, 400: NO_FIT },
        },
        async (c) => {
          const { order, ...by } = parse(changeSchema, await readJson(c), 'The request')
          return answer(c, await releases.change(order as Order, by), 201)
        },
      ),
    )
    .post(
      '/releases/dry-run',
      endpoint(
        {
          ...group,
          name: 'tryRelease',
          summary: 'How many of the known devices an order would reach, and what they would have then',
          body: { schema: triedSchema, required: true, what: 'The order, and the moment (ms) if not now.' },
          answers: {
            200: { what: 'Nothing has changed.', schema: trialSchema },
            400: NO_FIT,
          },
        },
        async (c) => {
          const { order, at } = parse(triedSchema, await readJson(c), 'The request')
          return answer(c, await releases.dryRun(order as Order, at))
        },
      ),
    )
    .get(
      '/releases/reach',
      endpoint(
        {
          ...group,
          name: 'readReach',
          summary: 'How many of the known devices each release reaches now, and which versions devices have',
          detail:
            'A device has what it was given when it last asked. Who takes tasks from a static host does not ask.',
          answers: { 200: { what: 'Counts of devices.', schema: reachSchema } },
        },
        async (c) => answer(c, await releases.reach()),
      ),
    )
    .get(
      '/ledger/:from',
      endpoint(
        {
          ...group,
          name: 'readLedger',
          summary: 'Who changed what, when and why: a hundred lines from a number on',
          path: entryPath,
          answers: {
            200: { what: 'Lines of the ledger.', schema: z.strictObject({ entries: z.array(free) }) },
            400: 'That is no number of a line.',
          },
        },
        async (c) => {
          const { from } = parse(entryPath, c.req.param(), 'The address')
          return answer(c, { entries: await releases.audit(from, 100) })
        },
      ),
    )
    .get(
      '/experiments/:experiment',
      endpoint(
        {
          ...group,
          name: 'measureExperiment',
          summary:
            'The three metrics of each arm by day and in all, and against the baseline, with intervals',
          path: experimentPath,
          answers: {
            200: { what: 'Counts, values and 95 % intervals.', schema: measuredSchema },
            400: 'That is no number of an experiment.',
            404: 'There is no such experiment.',
          },
        },
        async (c) => {
          const { experiment: id } = parse(experimentPath, c.req.param(), 'The address')
          const experiment = releases.board().experiments.find((one) => one.id === id)
          return experiment
            ? answer(c, await cloud.measure(experiment))
            : problem(c, 404, 'There is no such experiment.')
        },
      ),
    )
}
