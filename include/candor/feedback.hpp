// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// All of feedback: claims, questions and judges (own, local and remote), scores, and pairs made of them.

#include <candor/feedback/cached_completer.hpp>
#include <candor/feedback/cached_judge.hpp>
#include <candor/feedback/claims.hpp>
#include <candor/feedback/corrections.hpp>
#include <candor/feedback/http.hpp>
#include <candor/feedback/implicit_judge.hpp>
#include <candor/feedback/implicit_reward.hpp>
#include <candor/feedback/injection.hpp>
#include <candor/feedback/judge.hpp>
#include <candor/feedback/pairs.hpp>
#include <candor/feedback/pairwise.hpp>
#include <candor/feedback/pairwise_model.hpp>
#include <candor/feedback/pairwise_orders.hpp>
#include <candor/feedback/pairwise_parts.hpp>
#include <candor/feedback/prompted.hpp>
#include <candor/feedback/prompted_model.hpp>
#include <candor/feedback/questions.hpp>
#include <candor/feedback/remote_judge.hpp>
#include <candor/feedback/sentence_search.hpp>
#include <candor/feedback/sentence_tree.hpp>
#include <candor/feedback/verdict_cache.hpp>
