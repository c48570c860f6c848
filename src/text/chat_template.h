#pragma once
// The chat format of the models trained here, as transformers reads it: export writes it into a model's folder.
//   <|begin_of_text|>, then per turn <|user|>CONTENT, <|system|>CONTENT or
//   <|assistant|>[<think>REASONING</think>]CONTENT<|end_of_text|>
// and for the reply <|assistant|>, with <think> when thinking is asked for and <think></think> when it is not wanted.
#include <string_view>

namespace jamsu::text {

inline constexpr std::string_view kChatTemplate =
    R"jinja({#- The chat format of jamsu nano. Text of a turn is written as it is; marks come from here alone. -#}
{{- '<|begin_of_text|>' -}}
{%- for message in messages -%}
  {%- if message.role == 'user' -%}
    {{- '<|user|>' + message.content -}}
  {%- elif message.role == 'system' -%}
    {{- '<|system|>' + message.content -}}
  {%- elif message.role == 'assistant' -%}
    {{- '<|assistant|>' -}}
    {%- if message.reasoning_content -%}
      {{- '<think>' + message.reasoning_content + '</think>' -}}
    {%- endif -%}
    {{- message.content + '<|end_of_text|>' -}}
  {%- else -%}
    {{- raise_exception('messages: the role "' ~ message.role ~ '" is none of user, assistant, system') -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|assistant|>' -}}
  {%- if enable_thinking is defined and enable_thinking is not none -%}
    {{- '<think>' if enable_thinking else '<think></think>' -}}
  {%- endif -%}
{%- endif -%}
)jinja";

}  // namespace jamsu::text
