"""The prices of known models, as text."""

from __future__ import annotations

__all__ = ["DATE", "SOURCE", "TABLE"]

SOURCE = "LiteLLM 1.110.2, model_prices_and_context_window.json"
"""Where the prices are from."""

DATE = "2026-11-28"
"""The day on which they were read."""

TABLE = """
gpt-4                            30     60       -       -
gpt-4-turbo                      10     30       -       -
gpt-4.1                           2      8     0.5       -
gpt-4.1-mini                    0.4    1.6     0.1       -
gpt-4.1-nano                    0.1    0.4   0.025       -
gpt-4o                          2.5     10    1.25       -
gpt-4o-mini                    0.15    0.6   0.075       -
gpt-5                          1.25     10   0.125       -
gpt-5-chat-latest              1.25     10   0.125       -
gpt-5-codex                    1.25     10   0.125       -
gpt-5-mini                     0.25      2   0.025       -
gpt-5-nano                     0.05    0.4   0.005       -
gpt-5-pro                        15    120       -       -
gpt-5.1                        1.25     10   0.125       -
gpt-5.1-chat-latest            1.25     10   0.125       -
gpt-5.1-codex                  1.25     10   0.125       -
gpt-5.1-codex-max              1.25     10   0.125       -
gpt-5.1-codex-mini             0.25      2   0.025       -
gpt-5.2                        1.75     14   0.175       -
gpt-5.2-chat-latest            1.75     14   0.175       -
gpt-5.2-codex                  1.75     14   0.175       -
gpt-5.2-pro                      21    168       -       -
gpt-5.3-chat-latest            1.75     14   0.175       -
gpt-5.3-codex                  1.75     14   0.175       -
gpt-5.4                         2.5     15    0.25       -
gpt-5.4-mini                   0.75    4.5   0.075       -
gpt-5.4-nano                    0.2   1.25    0.02       -
gpt-5.4-pro                      30    180       -       -
gpt-5.5                           5     30     0.5       -
gpt-5.5-pro                      30    180       -       -
gpt-5.6                           4     20     0.4       5
gpt-5.6-luna                    0.2    1.2    0.02    0.25
gpt-5.6-sol                       4     20     0.4       5
gpt-5.6-terra                     2     12     0.2     2.5
gpt-6-astra                      10     50       1    12.5
gpt-6-luna                      0.1    0.5    0.01   0.125
gpt-6-sol                         2     10     0.2     2.5
gpt-6.1-sol                       2     10     0.1     2.5
gpt-6.1-terra                     1      5    0.05    1.25
o1                               15     60     7.5       -
o1-pro                          150    600       -       -
o3                                2      8     0.5       -
o3-mini                         1.1    4.4    0.55       -
o3-pro                           20     80       -       -
o4-mini                         1.1    4.4   0.275       -
claude-fable-5                   10     50       1    12.5
claude-fable-5-1                 10     50    0.25    12.5
claude-haiku-4-5                  1      5     0.1    1.25
claude-haiku-5-5                0.1    0.5    0.01   0.125
claude-mythos-5                  10     50       1    12.5
claude-mythos-5-1                10     50    0.25    12.5
claude-opus-4-5                   5     25     0.5    6.25
claude-opus-4-6                   5     25     0.5    6.25
claude-opus-4-7                   5     25     0.5    6.25
claude-opus-4-8                   5     25     0.5    6.25
claude-opus-5                     5     25     0.5    6.25
claude-opus-5-5                   4     20     0.2       5
claude-sonnet-4-5                 3     15     0.3    3.75
claude-sonnet-4-6                 3     15     0.3    3.75
claude-sonnet-5                   2     10     0.2     2.5
claude-sonnet-5-5                 2     10     0.1     2.5
gemini-2.5-flash                0.3    2.5    0.03       -
gemini-2.5-flash-lite           0.1    0.4    0.01       -
gemini-2.5-pro                 1.25     10   0.125       -
gemini-3.1-flash-lite          0.25    1.5   0.025       -
gemini-3.1-pro-preview            2     12     0.2       -
gemini-3.5-flash                1.5      9    0.15       -
gemini-3.5-flash-lite           0.3    2.5    0.03       -
gemini-3.6-flash               0.75   3.75   0.075       -
gemini-3.7-flash               0.75   3.75   0.075       -
gemini-3.8-flash               0.75   3.75   0.075       -
deepseek-chat                  0.28   0.42   0.028       -
deepseek-flash                  0.3    1.2   0.006       -
deepseek-reasoner              0.28   0.42   0.028       -
deepseek-v4-flash               0.3    1.2   0.006       -
deepseek-v4-flash-vision-exp    0.3    1.2   0.006       -
deepseek-v4-pro                1.32   3.96   0.044       -
codestral-latest                0.3    0.9    0.03       -
devstral-latest                 0.4      2    0.04       -
magistral-medium-latest         1.5    7.5    0.15       -
ministral-8b-latest            0.15   0.15   0.015       -
mistral-large-latest            0.5    1.5    0.05       -
mistral-medium-latest           1.5    7.5    0.15       -
mistral-small-latest           0.15    0.6   0.015       -
"""
"""A model a line, with the dollars for a million tokens of input, output, input read from a cache,
and input written to one. Prices of long contexts, batches and service tiers are not in it."""
