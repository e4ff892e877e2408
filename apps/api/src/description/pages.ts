/** The description to programs, and to people. Made once: it does not depend on who asks. */
import { z } from 'zod';
import { forEverybody } from '../route.ts';
import { docsPage, docsPolicy } from './docs-page.ts';

const toPrograms = {
  summary: 'This document',
  answers: { 200: z.record(z.string(), z.unknown()).describe('OpenAPI 3.1.') },
};

export const openapi = forEverybody(toPrograms, (_context, document) => {
  const text = JSON.stringify(document);
  return (_request, response) => {
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(text);
  };
});

const toPeople = {
  summary: 'This document, to be read',
  details: 'One page without scripts, and without anything from elsewhere.',
  answers: { 200: { description: 'The page.', type: 'text/html' } },
};

export const docs = forEverybody(toPeople, (_context, document) => {
  const page = docsPage(document);
  return (_request, response) => {
    response.setHeader('content-security-policy', docsPolicy);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page);
  };
});
