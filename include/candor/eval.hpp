// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// All evaluators: answers of the published benchmarks in, their figures out.

#include <candor/eval/amber.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/chair.hpp>
#include <candor/eval/contests.hpp>
#include <candor/eval/figures.hpp>
#include <candor/eval/judge_prompts.hpp>
#include <candor/eval/judged_questions.hpp>
#include <candor/eval/pope.hpp>
#include <candor/eval/report.hpp>
#include <candor/eval/reviews.hpp>
