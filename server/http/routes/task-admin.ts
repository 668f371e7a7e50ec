/** /api/admin/tasks: for the operator alone. docs/tasks.md tells what these are. */
import { Hono } from 'hono'
import * as z from 'zod'
import { taskDiffSchema, taskVersionSchema, taskVersionsSchema } from '../../../shared/admin.ts'
import { parse } from '../../../shared/failure.ts'
import { taskDraftSchema, taskNameSchema } from '../../../shared/tasks/manifest.ts'
import { approvedUntil } from '../../tasks/approvals.ts'
import { bySchema } from '../../tasks/by.ts'
import { diffTasks } from '../../tasks/diff.ts'
import type { Tasks } from '../../tasks/tasks.ts'
import { readJson } from '../body.ts'
import type { Env } from '../env.ts'
import { endpoint } from '../openapi.ts'
import { problem } from '../problem.ts'
import { answer, free, group, whole } from './operator-kit.ts'

const versionPath = z.object({ task: taskNameSchema, version: whole })
const diffPath = versionPath.extend({ other: whole })

const said = { who: bySchema.shape.who, why: bySchema.shape.why }

const submissionSchema = z.strictObject({
  draft: free,
  script: z.string(),
  /** BASE64 of the safetensors. */
  model: z.base64().optional(),
  ...said,
})
const actionSchema = z.strictObject({ action: z.enum(['restore', 'approve', 'withdraw']), ...said })

const NO_VERSION = 'There is no such version.'
const NO_FIT = 'It does not fit, or makes no sense as things stand; the problem says why.'

export function taskAdminRoutes(tasks: Tasks) {
  const { repository, delivery } = tasks

  async function versions(name?: string) {
    const approved = new Set(
      delivery.targets()?.document.tasks.map(({ task, version }) => `${task} ${version}`),
    )
    return (await repository.log(name)).map((one) => ({
      ...one,
      approved: approved.has(`${one.name} ${one.version}`),
    }))
  }
  const isThere = async (task: string, version: number) =>
    (await repository.log(task)).some((one) => one.version === version)

  return new Hono<Env>()
    .get(
      '/tasks',
      endpoint(
        {
          ...group,
          name: 'listVersions',
          summary: 'All versions of all tasks, the newest first',
          answers: {
            200: {
              what: 'Who made each, when and why.',
              schema: taskVersionsSchema,
            },
          },
        },
        async (c) => answer(c, { versions: await versions(), approvedUntil: approvedUntil(delivery) }),
      ),
    )
    .post(
      '/tasks',
      endpoint(
        {
          ...group,
          name: 'submitTask',
          summary: 'Submit the next version of a task',
          body: {
            schema: submissionSchema,
            required: true,
            what: 'The manifest without version and hashes, the script, and the initial model if there is one.',
          },
          answers: { 201: { what: 'The version.', schema: taskVersionSchema }, 400: NO_FIT },
        },
        async (c) => {
          const { draft, script, model, who, why } = parse(
            submissionSchema,
            await readJson(c),
            'The submission',
          )
          const files = {
            script: new TextEncoder().encode(script),
            ...(model !== undefined && { model: new Uint8Array(Buffer.from(model, 'base64')) }),
          }
          const made = await tasks.submit(parse(taskDraftSchema, draft, 'task.json'), files, {
            who,
            why,
          })
          return answer(c, { ...made, approved: false }, 201)
        },
      ),
    )
    .get(
      '/tasks/:task/:version',
      endpoint(
        {
          ...group,
          name: 'readVersion',
          summary: 'Manifest and script of one version',
          path: versionPath,
          answers: {
            200: {
              what: 'What was submitted.',
              schema: z.strictObject({ manifest: free, script: z.string() }),
            },
            400: 'The address is not that of a version.',
            404: NO_VERSION,
          },
        },
        async (c) => {
          const { task, version } = parse(versionPath, c.req.param(), 'The address')
          if (!(await isThere(task, version))) return problem(c, 404, NO_VERSION)
          const { manifest, files } = await repository.read(task, version)
          return answer(c, { manifest, script: new TextDecoder().decode(files.script) })
        },
      ),
    )
    .post(
      '/tasks/:task/:version',
      endpoint(
        {
          ...group,
          name: 'actOnVersion',
          summary: 'Restore a version as the next one, approve it, or withdraw the approval',
          path: versionPath,
          body: { schema: actionSchema, required: true, what: 'What is to be done, who says so and why.' },
          answers: {
            200: { what: 'The version; the new one where it was restored.', schema: taskVersionSchema },
            400: NO_FIT,
            404: NO_VERSION,
            503: 'The approver’s key is not on this server.',
          },
        },
        async (c) => {
          const { task, version } = parse(versionPath, c.req.param(), 'The address')
          const { action, ...by } = parse(actionSchema, await readJson(c), 'The request')
          if (!(await isThere(task, version))) return problem(c, 404, NO_VERSION)
          if (action === 'restore')
            return answer(c, { ...(await repository.restore(task, version, by)), approved: false })
          await tasks[action](task, version, by)
          return answer(c, (await versions(task)).find((one) => one.version === version)!)
        },
      ),
    )
    .get(
      '/tasks/:task/:version/from/:other',
      endpoint(
        {
          ...group,
          name: 'diffVersions',
          summary: 'What is different from another version of the task',
          path: diffPath,
          answers: {
            200: {
              what: 'Values of the manifest by path, lines of the script, and whether the model is another.',
              schema: taskDiffSchema,
            },
            400: 'The address is not that of two versions.',
            404: NO_VERSION,
          },
        },
        async (c) => {
          const { task, version, other } = parse(diffPath, c.req.param(), 'The address')
          if (!(await isThere(task, version)) || !(await isThere(task, other)))
            return problem(c, 404, NO_VERSION)
          return answer(
            c,
            diffTasks(await repository.read(task, other), await repository.read(task, version)),
          )
        },
      ),
    )
}
