import {
  type ShownBoard,
  shownBoardSchema,
  type TaskVersion,
  taskVersionsSchema,
} from '../../../shared/admin.ts'
import { day, moment } from '../../phrases.ts'
import { useHere, useLoaded } from '../here.ts'
import { Chip, Head, WhenLoaded } from '../parts.tsx'
import { taskHref } from '../route.ts'
import { stateOf } from '../sentences.ts'
import { t } from '../words/index.ts'

/** Versions that some release gives to devices, or will; rising. */
export function releasedOf({ releases }: ShownBoard, task: string, now: number): number[] {
  const standing = releases.filter(
    (one) => one.task === task && !['revoked', 'ended'].includes(stateOf(one, now)),
  )
  return [...new Set(standing.map(({ version }) => version))].sort((a, b) => a - b)
}

/** All tasks that there are. */
export function Tasks() {
  const { ask, now } = useHere()
  const found = useLoaded(() =>
    Promise.all([ask(taskVersionsSchema, '/tasks'), ask(shownBoardSchema, '/releases')]),
  )
  return (
    <div class="panels">
      <Head title={t.view.tasks} of={found} />
      <WhenLoaded of={found}>
        {([{ versions, approvedUntil }, board]) => {
          const names = [...new Set(versions.map(({ name }) => name))].sort()
          if (names.length === 0) return <p>{t.tasks.noneYet}</p>
          return (
            <>
              {approvedUntil !== null && <p class="quiet">{t.tasks.approvedUntil(day(approvedUntil))}</p>}
              <ul class="cards">
                {names.map((name) => (
                  <TaskCard
                    key={name}
                    versions={versions.filter((one) => one.name === name)}
                    released={releasedOf(board, name, now())}
                    killed={board.killed.includes(name)}
                  />
                ))}
              </ul>
            </>
          )
        }}
      </WhenLoaded>
    </div>
  )
}

interface TaskCardProps {
  /** The newest first. */
  versions: readonly TaskVersion[]
  released: readonly number[]
  killed: boolean
}

function TaskCard({ versions, released, killed }: TaskCardProps) {
  const { name, version, at } = versions[0]!
  const approved = versions.filter((one) => one.approved).map((one) => one.version)
  return (
    <li class="panel">
      <h2>
        <a href={taskHref(name)}>{name}</a> {killed && <Chip tone="bad">{t.tasks.isKilled}</Chip>}
      </h2>
      <p>{t.tasks.newest(version, moment(at))}</p>
      <p>{t.tasks.approved(approved.toReversed().map(t.version))}</p>
      <p>{t.tasks.released(released.map(t.version))}</p>
    </li>
  )
}
