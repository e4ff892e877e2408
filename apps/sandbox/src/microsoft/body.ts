/** Bodies: stored as written, shown as HTML or text. Graph wraps HTML, so what is read never equals what was sent. */
import type { EventContent } from './content.ts';

const PREVIEW_CHARS = 255;
const HEAD =
  '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n';

export function bodyOf(
  { contentType, content }: EventContent['body'],
  wanted: 'html' | 'text',
): { contentType: 'html' | 'text'; content: string } {
  if (wanted === 'text') return { contentType: 'text', content: plainText({ contentType, content }) };
  if (content === '') return { contentType: 'html', content: '' };
  const html = contentType === 'html' ? content : escaped(content).replaceAll('\n', '<br>\r\n');
  const isWhole = /<html[\s>]/i.test(html);
  return {
    contentType: 'html',
    content: isWhole ? html : `${HEAD}<body>\r\n${html}\r\n</body>\r\n</html>\r\n`,
  };
}

export const previewOf = (body: EventContent['body']): string =>
  plainText(body).replaceAll(/\s+/g, ' ').trim().slice(0, PREVIEW_CHARS);

function plainText({ contentType, content }: EventContent['body']): string {
  if (contentType === 'text') return content;
  return content
    .replaceAll(/<br\s*\/?>|<\/(?:p|div)>/gi, '\r\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
