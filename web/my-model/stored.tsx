import { useEffect, useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import { Fault, Icon, Panel } from '../parts.tsx'
import { moment, number, origin, size } from '../phrases.ts'
import { t } from '../strings/index.ts'
import { Traffic } from './tables.tsx'

/** Everything that this device keeps, counted. */
export function Stored({ status }: { status: Status }) {
  const { events, samples, models, bytes, tasks, arms } = status
  const usage = useStorage(bytes.down)
  return (
    <Panel title={t.stored.title}>
      <dl class="figures">
        <Count name={t.stored.own} id="samples-local" value={samples.local} />
        <Count name={t.stored.opened} id="samples-clicks" value={samples.clicks} />
        <Count name={t.stored.borrowed} id="samples-matched" value={samples.matched - samples.filtered} />
        <Count name={t.stored.borrowedKept} id="samples-filtered" value={samples.filtered} />
        <Count name={t.stored.waiting} id="events-waiting" value={events.waiting} />
        <Count name={t.stored.delivered} id="events-delivered" value={events.delivered} />
      </dl>
      {usage !== null && (
        <p>{t.stored.using(size(usage), size(models.reduce((sum, { bytes }) => sum + bytes, 0)))}</p>
      )}
      <p data-testid="tasks">
        {tasks.length > 0
          ? t.stored.tasks(tasks.map(({ name, version }) => `${name} v${version}`))
          : t.stored.noTasks}
        {arms.length > 0 && ` ${t.stored.trial}`}
      </p>
      <Traffic traffic={status.traffic} bytes={bytes} />
      <p class="quiet">{t.stored.about}</p>
    </Panel>
  )
}

function Count({ name, id, value }: { name: string; id: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={id} data-value={value}>
        {number(value)}
      </dd>
    </div>
  )
}

interface ModelsProps {
  device: Pick<DeviceApi, 'rollback'>
  status: Status
}

/** The models kept, which of them ranks, and the way back to the one that was delivered. */
export function Models({ device, status }: ModelsProps) {
  const { models, serving, run } = status
  const [failure, setFailure] = useState<Failure | null>(null)
  const own = origin(status) === 'own'
  function rollback(): void {
    setFailure(null)
    device.rollback(null).catch((error) => setFailure(toFailure(error)))
  }
  return (
    <Panel title={t.stored.models}>
      {models.length === 0 ? (
        <p>{t.stored.noModels}</p>
      ) : (
        <ul class="models">
          {models.map((model) => (
            <li key={model.slot} data-serving={serving?.slot === model.slot}>
              <span class="slot">{model.slot}</span>
              <div>
                <p>
                  <b>{t.stored.slots[model.slot]}</b>
                  {serving?.slot === model.slot && <em>{t.stored.ranks}</em>}
                </p>
                <p class="quiet">
                  {t.stored.modelFacts(
                    model.version,
                    model.sha256.slice(0, 8),
                    size(model.bytes),
                    moment(model.at),
                  )}
                </p>
                {model.slot === 'M0' && (
                  <button
                    type="button"
                    class="button"
                    disabled={run.phase !== 'idle' || !own}
                    onClick={rollback}
                  >
                    <Icon name="again" /> {t.myModel.rollback}
                  </button>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
      {failure && <Fault failure={failure} />}
    </Panel>
  )
}

/** What the browser says that all of this takes, in bytes; null where it does not say. */
function useStorage(at: unknown): number | null {
  const [usage, setUsage] = useState<number | null>(null)
  useEffect(() => {
    const estimate = (navigator.storage as StorageManager | undefined)?.estimate?.()
    estimate?.then(
      ({ usage = 0 }) => setUsage(usage || null),
      () => {},
    )
  }, [at])
  return usage
}
