import { useState } from 'preact/hooks'
import type { Reach, ShownRelease } from '../../../shared/admin.ts'
import { moment } from '../../phrases.ts'
import { useHere } from '../here.ts'
import { Chip } from '../parts.tsx'
import { releaseSentence, stageSentence, stagesToCome, stateOf } from '../sentences.ts'
import { t } from '../words/index.ts'
import { type DraftStage, StagesField, stagesOf } from './stages.tsx'

interface CardProps {
  release: ShownRelease
  /** Null: it reaches nobody any more. */
  reach: Reach['releases'][number] | null
  /** Known ones. */
  devices: number
  now: number
}

const TONES = { running: 'good', planned: 'calm', paused: 'bad', revoked: 'calm', ended: 'calm' } as const

/** A release in words, whom it reaches, and what can be done about it. */
export function ReleaseCard({ release, reach, devices, now }: CardProps) {
  const { id, task, version, paused, revoked, until } = release
  const state = stateOf(release, now)
  const toCome = stagesToCome(release, now)
  return (
    <li class="panel" data-testid={`release-${id}`}>
      <h2>
        {t.of(task, version)} <Chip tone={TONES[state]}>{t.release.state[state]}</Chip>
      </h2>
      <p class="quiet">{t.release.number(id)}</p>
      <p>{releaseSentence(release, now)}</p>
      {state === 'revoked' && <p class="quiet">{t.release.revoked(moment(revoked!))}</p>}
      {state === 'ended' && <p class="quiet">{t.release.ended(moment(until!))}</p>}
      {state === 'paused' && <p>{t.release.paused(moment(paused!))}</p>}
      {toCome.length > 0 && (
        <>
          <h3>{t.release.stages}</h3>
          <ul class="plain">
            {toCome.map((stage) => (
              <li key={stage.at}>{stageSentence(stage)}</li>
            ))}
          </ul>
        </>
      )}
      {until !== undefined && state !== 'ended' && state !== 'revoked' && (
        <p>{t.release.until(moment(until))}</p>
      )}
      {reach && state !== 'ended' && (
        <p class="reach" style={{ '--share': devices > 0 ? reach.reaches / devices : 0 }}>
          {t.release.reaches(reach.reaches, devices, reach.hit)}
        </p>
      )}
      {state !== 'revoked' && state !== 'ended' && <Actions release={release} />}
    </li>
  )
}

function Actions({ release }: { release: ShownRelease }) {
  const { propose } = useHere()
  const { id, task, version, paused } = release
  const which = <span class="sr-only"> {t.release.ofRelease(task, id)}</span>
  const simple = (type: 'pause' | 'resume') => () =>
    propose({
      title: t.ask[type].title(task, version),
      about: t.ask[type].about,
      yes: t.ask[type].yes,
      change: { order: { type, release: id } },
    })
  const rollBack = () =>
    propose({
      title: t.ask.rollBack.title(task, version),
      about: t.ask.rollBack.about(id),
      yes: t.ask.rollBack.yes(version),
      why: t.ask.rollBack.why,
      danger: true,
      change: { order: { type: 'revoke', release: id } },
    })
  return (
    <>
      <div class="actions">
        <button type="button" class="button danger" onClick={rollBack}>
          {t.release.rollBack(version)}
          {which}
        </button>
        <button type="button" class="button" onClick={simple(paused === undefined ? 'pause' : 'resume')}>
          {paused === undefined ? t.release.pause : t.release.resume}
          {which}
        </button>
      </div>
      {paused === undefined && <Widen release={release} />}
    </>
  )
}

/** Plans the stages anew. */
function Widen({ release: { id, task, version, percent } }: { release: ShownRelease }) {
  const { propose } = useHere()
  const [stages, setStages] = useState<readonly DraftStage[]>([
    { percent: `${Math.max(percent, 1)}`, from: '' },
  ])
  return (
    <details>
      <summary>
        {t.release.widen}
        <span class="sr-only"> {t.release.ofRelease(task, id)}</span>
      </summary>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          propose({
            title: t.ask.widen.title(task, version),
            yes: t.ask.widen.yes,
            change: { order: { type: 'stages', release: id, stages: stagesOf(stages) } },
          })
        }}
      >
        <StagesField name={`stages-${id}`} stages={stages} change={setStages} />
        <button type="submit" class="button">
          {t.form.try}
        </button>
      </form>
    </details>
  )
}
