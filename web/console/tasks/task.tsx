import { useState } from 'preact/hooks'
import { shownBoardSchema, type TaskVersion, taskVersionsSchema } from '../../../shared/admin.ts'
import { Panel } from '../../parts.tsx'
import { moment } from '../../phrases.ts'
import { useHere, useLoaded } from '../here.ts'
import { Chip, Field, Head, typed, VersionOptions, WhenLoaded } from '../parts.tsx'
import { diffHref, releaseHref } from '../route.ts'
import { t } from '../words/index.ts'
import { releasedOf } from './tasks.tsx'

/** One task: all of its versions, and its kill switch. */
export function TaskView({ task }: { task: string }) {
  const { ask, now } = useHere()
  const found = useLoaded(() =>
    Promise.all([ask(taskVersionsSchema, '/tasks'), ask(shownBoardSchema, '/releases')]),
  )
  return (
    <div class="panels">
      <Head title={t.tasks.historyOf(task)} of={found} />
      <WhenLoaded of={found}>
        {([all, board]) => {
          const versions = all.versions.filter(({ name }) => name === task)
          if (versions.length === 0) return <p>{t.tasks.noTask(task)}</p>
          const released = releasedOf(board, task, now())
          return (
            <>
              <ol class="cards">
                {versions.map((one, i) => (
                  <VersionCard
                    key={one.version}
                    version={one}
                    before={versions[i + 1]?.version ?? null}
                    isReleased={released.includes(one.version)}
                  />
                ))}
              </ol>
              {versions.length > 1 && (
                <Compare task={task} versions={versions.map(({ version }) => version)} />
              )}
              <KillSwitch task={task} killed={board.killed.includes(task)} />
            </>
          )
        }}
      </WhenLoaded>
    </div>
  )
}

interface VersionCardProps {
  version: TaskVersion
  /** The version before; null: it is the first. */
  before: number | null
  isReleased: boolean
}

function VersionCard({ version: one, before, isReleased }: VersionCardProps) {
  const { propose } = useHere()
  const { name, version, who, why, at, restores, approved } = one
  const act = (action: 'approve' | 'withdraw' | 'restore') => () =>
    propose({
      title: t.ask[action].title(name, version),
      about: t.ask[action].about,
      yes: t.ask[action].yes,
      change: { path: `/tasks/${name}/${version}`, body: { action } },
    })
  const which = <span class="sr-only"> {t.tasks.ofVersion(version)}</span>
  return (
    <li class="panel" data-testid={`version-${version}`}>
      <h2>
        {t.version(version)}{' '}
        <Chip tone={approved ? 'good' : 'calm'}>{approved ? t.tasks.isApproved : t.tasks.notApproved}</Chip>{' '}
        {isReleased && <Chip tone="good">{t.tasks.isReleased}</Chip>}
      </h2>
      <p>
        {t.why(why)} {restores !== undefined && `(${t.tasks.restores(restores)})`}
      </p>
      <p class="quiet">{t.by(who, moment(at))}</p>
      <div class="actions">
        <button type="button" class="button" onClick={act(approved ? 'withdraw' : 'approve')}>
          {approved ? t.tasks.withdraw : t.tasks.approve}
          {which}
        </button>
        {approved && (
          <a class="button" href={releaseHref(name, version)}>
            {t.tasks.release}
            {which}
          </a>
        )}
        <button type="button" class="button" onClick={act('restore')}>
          {t.tasks.restore}
          {which}
        </button>
        {before !== null && (
          <a class="button" href={diffHref(name, version, before)}>
            {t.tasks.compare(before)}
            {which}
          </a>
        )}
      </div>
    </li>
  )
}

/** `versions`: the newest first. */
function Compare({ task, versions }: { task: string; versions: readonly number[] }) {
  const [older, setOlder] = useState(`${versions[1]}`)
  const [newer, setNewer] = useState(`${versions[0]}`)
  const choice = (id: string, label: string, value: string, set: (value: string) => void) => (
    <Field id={id} label={label}>
      {(field) => (
        <select {...field} value={value} {...typed(set)}>
          <VersionOptions versions={versions} />
        </select>
      )}
    </Field>
  )
  return (
    <Panel title={t.tasks.compareAny}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          location.hash = diffHref(task, Number(newer), Number(older))
        }}
      >
        <div class="row">
          {choice('older', t.tasks.older, older, setOlder)}
          {choice('newer', t.tasks.newer, newer, setNewer)}
        </div>
        <button type="submit" class="button">
          {t.tasks.show}
        </button>
      </form>
    </Panel>
  )
}

function KillSwitch({ task, killed }: { task: string; killed: boolean }) {
  const { propose } = useHere()
  const type = killed ? 'revive' : 'kill'
  return (
    <Panel title={t.tasks.killSwitch}>
      <p>{killed ? t.tasks.killedNow : t.tasks.killAbout}</p>
      <button
        type="button"
        class={`button ${killed ? '' : 'danger'}`}
        onClick={() =>
          propose({
            title: t.ask[type].title(task),
            about: t.ask[type].about,
            yes: t.ask[type].yes,
            danger: !killed,
            change: { order: { type, task } },
          })
        }
      >
        {killed ? t.release.revive : t.tasks.kill}
      </button>
    </Panel>
  )
}
