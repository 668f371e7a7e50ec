import { type Reach, reachSchema } from '../../shared/admin.ts'
import { createGrammar } from '../strings/grammar.ts'
import { language } from '../strings/index.ts'
import { useHere, useLoaded } from './here.ts'
import { Head, WhenLoaded } from './parts.tsx'
import { t } from './words/index.ts'

/** Which versions the known devices have. */
export function Devices() {
  const { ask } = useHere()
  const found = useLoaded(() => ask(reachSchema, '/releases/reach'))
  return (
    <div class="panels">
      <Head title={t.view.devices} of={found} />
      <WhenLoaded of={found}>
        {({ devices, given }) => {
          const tasks = [...new Set(given.map(({ task }) => task))]
          if (tasks.length === 0) return <p>{t.devices.noneYet}</p>
          return (
            <>
              <p class="quiet">{t.devices.about(devices)}</p>
              {tasks.map((task) => (
                <Versions
                  key={task}
                  task={task}
                  given={given.filter((one) => one.task === task)}
                  devices={devices}
                />
              ))}
            </>
          )
        }}
      </WhenLoaded>
    </div>
  )
}

/** A table whose numbers are drawn as bars, each as long as its share of all devices. */
function Versions({ task, given, devices }: { task: string; given: Reach['given']; devices: number }) {
  const { percent } = createGrammar(language())
  return (
    <section class="panel" data-testid={`devices-${task}`}>
      <h2>{task}</h2>
      <table class="drawn-table bars">
        <thead>
          <tr>
            <th scope="col">{t.devices.version}</th>
            <th scope="col">{t.devices.devices}</th>
          </tr>
        </thead>
        <tbody>
          {given.map(({ version, devices: count }) => (
            <tr key={version}>
              <th scope="row">{version === null ? t.devices.none : t.version(version)}</th>
              <td>
                <span
                  class="drawn"
                  data-kind={version === null ? 'none' : 'own'}
                  style={{ '--share': count / devices }}
                >
                  {t.devices.of(count, percent(count / devices))}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
