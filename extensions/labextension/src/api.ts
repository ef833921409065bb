/** Calls of our own server extension: same origin, with Jupyter's XSRF token, and no token of the hub's. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** It did not work: why, in both languages. */
export class Fault extends Error {
  readonly code: string;
  readonly zh: string;

  constructor(code: string, en: string, zh: string) {
    super(en);
    this.code = code;
    this.zh = zh;
  }
}

/** GET, or POST where there is something to say. Throws Fault. */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const settings = ServerConnection.makeSettings();
  const url = URLExt.join(settings.baseUrl, 'regional-hub/api') + '/' + path;
  const headers = { 'Content-Type': 'application/json' };
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body), headers };
  let answer: Response;
  try {
    answer = await ServerConnection.makeRequest(url, init, settings);
  } catch {
    throw new Fault('no-server', 'Your server does not answer; is it running?', '您的服务器没有响应，请确认其正在运行');
  }
  const said = await answer.json().catch(() => null);
  if (answer.ok && said !== null) {
    return said as T;
  }
  const error = said?.error;
  if (error?.en) {
    throw new Fault(error.code, error.en, error.zh);
  }
  throw new Fault('failed', `Your server answered ${answer.status}`, `服务器返回 ${answer.status}`);
}
