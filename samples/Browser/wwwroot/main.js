// Starts .NET in the tab and lends it the page: fields, the start button, the log.
import { dotnet } from './_framework/dotnet.js';

const element = id => document.getElementById(id);
const query = new URLSearchParams(location.search);
for (const [name, value] of query) {
  if (element(name) instanceof HTMLInputElement) element(name).value = value;
}

const started = query.has('start') ? Promise.resolve() : new Promise(resolve => {
  element('form').addEventListener('submit', event => {
    event.preventDefault();
    resolve();
  }, { once: true });
});

const { setModuleImports, runMain } = await dotnet.create();
setModuleImports('page', {
  address: () => location.href,
  value: name => element(name).value,
  started: async () => {
    element('start').disabled = false;
    await started;
    element('start').disabled = true;
  },
  write: line => {
    element('log').textContent += line + '\n';
    console.log(line);
  },
  showAccuracy: text => { element('accuracy').textContent = text; },
  // A task is not painted before: the page stays alive while the tab trains.
  breathe: () => new Promise(resolve => setTimeout(resolve)),
});
await runMain();
