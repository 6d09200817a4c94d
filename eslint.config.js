import tseslint from 'typescript-eslint';

const clock = [
  { object: 'Date', property: 'now', message: 'Time arrives as data here.' },
  { object: 'Math', property: 'random', message: 'No randomness here.' },
];

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.density', '.cache', 'coverage', 'web/api/schema.d.ts'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-console': 'error',
      eqeqeq: 'error',
      'prefer-const': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/require-await': 'off',
      // Interfaces here are met by closures as often as by classes; none of them needs `this`.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  {
    files: ['src/**/*.ts', 'actors/**/*.ts', 'web/**/*.{ts,tsx}'],
    rules: { 'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }] },
  },
  {
    files: ['src/domain/**/*.ts', 'src/adapters/**/*.ts', 'actors/**/*.ts'],
    rules: { 'no-restricted-properties': ['error', ...clock] },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
);
